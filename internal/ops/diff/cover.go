package diff

import "maps"

// covered stands for a value that is not shown.
const covered = "(hidden)"

// hidden is a value that can be compared but not written: whatever form it is given, it says only that it is
// hidden. The fields are exported for the comparison alone.
type hidden struct{ Value any }

func (hidden) String() string { return covered }

// MarshalJSON keeps it hidden inside of what is shown as a whole.
func (hidden) MarshalJSON() ([]byte, error) { return []byte(`"` + covered + `"`), nil }

// cover returns a value in which those parts are hidden that hold secrets more often than not: arguments,
// commands, and what environment variables are set to.
func cover(value any) any {
	switch value := value.(type) {
	case map[string]any:
		shown := maps.Clone(value)
		for key, each := range value {
			switch key {
			case "args", "command":
				shown[key] = hidden{each}
			case "env":
				shown[key] = coverEnv(each)
			default:
				shown[key] = cover(each)
			}
		}
		return shown
	case []any:
		shown := make([]any, 0, len(value))
		for _, each := range value {
			shown = append(shown, cover(each))
		}
		return shown
	}
	return value
}

// coverEnv leaves of a list of environment variables their names and where their values come from.
func coverEnv(env any) any {
	list, ok := env.([]any)
	if !ok {
		return hidden{env}
	}
	shown := make([]any, 0, len(list))
	for _, each := range list {
		variable, ok := each.(map[string]any)
		if !ok {
			shown = append(shown, hidden{each})
			continue
		}
		variable = maps.Clone(variable)
		for key, value := range variable {
			if key != "name" && key != "valueFrom" {
				variable[key] = hidden{value}
			}
		}
		shown = append(shown, variable)
	}
	return shown
}

// coverAll leaves of an object its keys.
func coverAll(values map[string]any) map[string]any {
	shown := map[string]any{}
	for key, value := range values {
		shown[key] = hidden{value}
	}
	return shown
}
