// Package schema turns our own Go types of a SeldonDeployment into the CustomResourceDefinition of its kind: a structural schema with real PodSpecs,
// without descriptions, the recursive graph unrolled. It must never contain rules that the real kind lacks: no enums, no limits, and no defaults but one.
package schema

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Definition is the CustomResourceDefinition: three served versions of one schema, v1 stored.
func Definition() *apiextensionsv1.CustomResourceDefinition {
	const group, plural = "machinelearning.seldon.io", "seldondeployments"
	definition := &apiextensionsv1.CustomResourceDefinition{
		TypeMeta:   metav1.TypeMeta{APIVersion: apiextensionsv1.SchemeGroupVersion.String(), Kind: "CustomResourceDefinition"},
		ObjectMeta: metav1.ObjectMeta{Name: plural + "." + group},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: group,
			Names: apiextensionsv1.CustomResourceDefinitionNames{
				Plural: plural, Singular: "seldondeployment", Kind: "SeldonDeployment", ListKind: "SeldonDeploymentList", ShortNames: []string{"sdep"},
			},
			Scope:      apiextensionsv1.NamespaceScoped,
			Conversion: &apiextensionsv1.CustomResourceConversion{Strategy: apiextensionsv1.NoneConverter},
		},
	}
	root := whole()
	for _, version := range []string{"v1", "v1alpha2", "v1alpha3"} {
		definition.Spec.Versions = append(definition.Spec.Versions, apiextensionsv1.CustomResourceDefinitionVersion{
			Name: version, Served: true, Storage: version == "v1",
			Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &root},
			Subresources: &apiextensionsv1.CustomResourceSubresources{
				Status: &apiextensionsv1.CustomResourceSubresourceStatus{},
				// No selector: a HorizontalPodAutoscaler can never target a SeldonDeployment.
				Scale: &apiextensionsv1.CustomResourceSubresourceScale{SpecReplicasPath: ".spec.replicas", StatusReplicasPath: ".status.replicas"},
			},
		})
	}
	return definition
}

// whole is the schema of a SeldonDeployment. Its spec is not required: leaving it out is the webhook's business.
func whole() apiextensionsv1.JSONSchemaProps {
	return apiextensionsv1.JSONSchemaProps{
		Type: "object",
		Properties: map[string]apiextensionsv1.JSONSchemaProps{
			"apiVersion": {Type: "string"},
			"kind":       {Type: "string"},
			"metadata":   {Type: "object"},
			"spec":       of[spec](),
			"status":     of[status](),
		},
	}
}
