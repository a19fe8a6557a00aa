package spec

// Unit is one node of predictors[].graph.
type Unit struct {
	Name               string      `json:"name"`
	Children           []Unit      `json:"children,omitempty"`
	Type               *string     `json:"type,omitempty"`
	Implementation     string      `json:"implementation,omitempty"`
	Methods            []string    `json:"methods,omitempty"`
	Endpoint           *Endpoint   `json:"endpoint,omitempty"`
	Parameters         []Parameter `json:"parameters,omitempty"`
	ModelURI           string      `json:"modelUri,omitempty"`
	ServiceAccountName string      `json:"serviceAccountName,omitempty"`
	EnvSecretRefName   string      `json:"envSecretRefName,omitempty"`
	Logger             *Logger     `json:"logger,omitempty"`
}

// Endpoint is where a unit is reached; users may give its type, the operator fills in the rest in memory.
type Endpoint struct {
	ServiceHost string `json:"service_host,omitempty"`
	ServicePort int32  `json:"service_port,omitempty"`
	Type        string `json:"type,omitempty"`
	HTTPPort    int32  `json:"httpPort,omitempty"`
	GRPCPort    int32  `json:"grpcPort,omitempty"`
}

// Parameter is one of a unit's parameters.
type Parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Type  string `json:"type"`
}

// Logger is a unit's request logger.
type Logger struct {
	URL  string `json:"url,omitempty"`
	Mode string `json:"mode,omitempty"`
}

// Walk visits the unit and everything below it, parents first, in the order of the manifest.
func (u *Unit) Walk(visit func(*Unit)) {
	visit(u)
	for i := range u.Children {
		u.Children[i].Walk(visit)
	}
}

// Kind is the unit's type. Observed: a graph without a type counts as a model.
func (u *Unit) Kind() string {
	if role, ok := builtinRole(u.Implementation); ok {
		return role
	}
	if u.Type == nil {
		return "MODEL"
	}
	return *u.Type
}

// Builtin says whether the engine itself does the unit's work, so that it needs no container.
func (u *Unit) Builtin() bool {
	_, ok := builtinRole(u.Implementation)
	return ok
}

func builtinRole(implementation string) (string, bool) {
	switch implementation {
	case "SIMPLE_MODEL":
		return "MODEL", true
	case "SIMPLE_ROUTER", "RANDOM_ABTEST":
		return "ROUTER", true
	case "AVERAGE_COMBINER":
		return "COMBINER", true
	}
	return "", false
}

// Prepackaged says whether the unit names a server that the operator is to bring.
func (u *Unit) Prepackaged() bool {
	return u.Implementation != "" && u.Implementation != "UNKNOWN_IMPLEMENTATION" && !u.Builtin()
}
