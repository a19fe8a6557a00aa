package recorded

// Denials are the recorded messages of the validating webhook by refused manifest, after `SeldonDeployment.machinelearing.seldon.io "" is invalid: `.
func Denials() map[string]string {
	return map[string]string{
		"bad-protocol":        `spec: Invalid value: "V2": Invalid protocol`,
		"container-missing":   `spec.predictors[0].graph: Invalid value: "other": Can't find container for Predictive Unit`,
		"duplicate-predictor": `spec.predictors[1]: Invalid value: "main": Duplicate predictor name`,
		"mixed-transport":     `spec: Invalid value: "": Mixed transport types found. Remove graph endpoint.types if transport set at deployment level`,
		"no-engine-two-nodes": `spec.predictors[0]: Invalid value: "main": Running without engine only valid for single element graphs`,
		"no-model-uri":        `spec.predictors[0].graph: Invalid value: "clf": Predictive unit modelUri required when using standalone servers`,
		"no-predictors":       `spec: Invalid value: "": Graph contains no predictors`,
		"only-shadow":         `spec.predictors[0]: Invalid value: "main": Shadow can not exist as only predictor`,
		"traffic-90":          `spec: Invalid value: "a": Traffic must sum to 100 for multiple predictors`,
		"unknown-server":      `spec.predictors[0].graph: Invalid value: "clf": No entry in predictors map for MAGIC_SERVER`,
	}
}

// SchemaDenials are the recorded messages of the API server's own schema, after `SeldonDeployment.machinelearning.seldon.io "<metadata.name>" is invalid: `.
func SchemaDenials() map[string]string {
	return map[string]string{
		"negative-replicas": `.spec.replicas: Invalid value: -1: should be a non-negative integer`,
		"traffic-as-string": `spec.predictors[0].traffic: Invalid value: "string": spec.predictors[0].traffic in body must be of type integer: "string"`,
	}
}
