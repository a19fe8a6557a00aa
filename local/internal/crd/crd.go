// Package crd holds the definition of the SeldonDeployment kind that the embedded cluster serves. It is generated from our own Go types (package schema),
// never copied; the file is committed so that what users meet is seen in a review.
package crd

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

//go:generate go run ./gen seldondeployments.json.gz

//go:embed seldondeployments.json.gz
var packed []byte

// Definition is the CustomResourceDefinition.
func Definition() (*apiextensionsv1.CustomResourceDefinition, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack the SeldonDeployment kind: %w", err)
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := json.NewDecoder(reader).Decode(&definition); err != nil {
		return nil, fmt.Errorf("read the SeldonDeployment kind: %w", err)
	}
	return &definition, nil
}
