package seldon

// tensorflow is the prepackaged server that takes two containers unless the protocol is TensorFlow's.
const tensorflow = "TENSORFLOW_SERVER"

// all returns the unit and all units below it, parents first.
func (u unit) all() []unit {
	units := []unit{u}
	for _, child := range u.children {
		units = append(units, child.all()...)
	}
	return units
}

// find returns the unit of that name.
func (u unit) find(name string) (unit, bool) {
	for _, each := range u.all() {
		if each.name == name {
			return each, true
		}
	}
	return unit{}, false
}

// prepackaged reports whether the operator supplies the unit's server: every implementation does
// that is not built into the orchestrator, those from the operator's own configuration included.
func (u unit) prepackaged() bool {
	switch u.implementation {
	case "", "UNKNOWN_IMPLEMENTATION", "SIMPLE_MODEL", "SIMPLE_ROUTER", "RANDOM_ABTEST", "AVERAGE_COMBINER":
		return false
	}
	return true
}

// clip shortens a text that is quoted in a sentence.
func clip(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
