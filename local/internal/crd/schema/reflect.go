package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// graphDepth is how many levels of children a graph may have; what is below is pruned.
const graphDepth = 10

// quantity is what a resource quantity looks like as a string.
const quantity = `^[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)(m|k|[numMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$`

// of is the schema of a Go type.
func of[T any]() apiextensionsv1.JSONSchemaProps {
	return schemaOf(reflect.TypeFor[T](), graphDepth)
}

// schemaOf is the schema of a type by its JSON form. The depth counts the levels of a graph that are still allowed below.
func schemaOf(t reflect.Type, depth int) apiextensionsv1.JSONSchemaProps {
	if special, ok := specialOf(t); ok {
		return special
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), depth)
	case reflect.String:
		return apiextensionsv1.JSONSchemaProps{Type: "string"}
	case reflect.Bool:
		return apiextensionsv1.JSONSchemaProps{Type: "boolean"}
	case reflect.Int, reflect.Int32:
		return apiextensionsv1.JSONSchemaProps{Type: "integer", Format: "int32"}
	case reflect.Int64:
		return apiextensionsv1.JSONSchemaProps{Type: "integer", Format: "int64"}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return apiextensionsv1.JSONSchemaProps{Type: "string", Format: "byte"}
		}
		items := schemaOf(t.Elem(), depth)
		return withListKeys(t.Elem(), apiextensionsv1.JSONSchemaProps{Type: "array", Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &items}})
	case reflect.Map:
		values := schemaOf(t.Elem(), depth)
		return apiextensionsv1.JSONSchemaProps{Type: "object", AdditionalProperties: &apiextensionsv1.JSONSchemaPropsOrBool{Allows: true, Schema: &values}}
	case reflect.Struct:
		return structOf(t, depth)
	default:
		panic(fmt.Sprintf("no schema for %s", t)) // a mistake in our own types, seen by whoever runs the generator
	}
}

// specialOf is the schema of the types whose JSON form is not their Go form.
func specialOf(t reflect.Type) (apiextensionsv1.JSONSchemaProps, bool) {
	integerOrString := []apiextensionsv1.JSONSchemaProps{{Type: "integer"}, {Type: "string"}}
	switch t {
	case reflect.TypeFor[intstr.IntOrString]():
		return apiextensionsv1.JSONSchemaProps{XIntOrString: true, AnyOf: integerOrString}, true
	case reflect.TypeFor[resource.Quantity]():
		return apiextensionsv1.JSONSchemaProps{XIntOrString: true, AnyOf: integerOrString, Pattern: quantity}, true
	case reflect.TypeFor[metav1.Time]():
		return apiextensionsv1.JSONSchemaProps{Type: "string", Format: "date-time"}, true
	case reflect.TypeFor[metav1.ObjectMeta]():
		return schemaOf(reflect.TypeFor[embeddedMetadata](), 0), true
	default:
		return apiextensionsv1.JSONSchemaProps{}, false
	}
}

// withListKeys says by what the entries of a list are told apart when it is applied. Container ports are the only list for which the kind says so.
func withListKeys(element reflect.Type, list apiextensionsv1.JSONSchemaProps) apiextensionsv1.JSONSchemaProps {
	if element == reflect.TypeFor[corev1.ContainerPort]() {
		kind := "map"
		list.XListType = &kind
		list.XListMapKeys = []string{"containerPort", "protocol"}
		protocol := list.Items.Schema.Properties["protocol"]
		protocol.Default = &apiextensionsv1.JSON{Raw: json.RawMessage(`"TCP"`)}
		list.Items.Schema.Properties["protocol"] = protocol
	}
	return list
}

// structOf is the schema of a struct: a field without omitempty that is not a pointer is required.
func structOf(t reflect.Type, depth int) apiextensionsv1.JSONSchemaProps {
	object := apiextensionsv1.JSONSchemaProps{Type: "object", Properties: map[string]apiextensionsv1.JSONSchemaProps{}}
	for field := range t.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" || !field.IsExported() {
			continue
		}
		if name == "" {
			inner := structOf(field.Type, depth)
			maps.Copy(object.Properties, inner.Properties)
			object.Required = append(object.Required, inner.Required...)
			continue
		}
		below := depth
		if field.Type == reflect.TypeFor[[]graph]() {
			if below--; below < 0 {
				continue
			}
		}
		object.Properties[name] = schemaOf(field.Type, below)
		if !strings.Contains(options, "omit") && field.Type.Kind() != reflect.Pointer {
			object.Required = append(object.Required, name)
		}
	}
	return object
}
