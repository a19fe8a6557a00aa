// Command gen writes the SeldonDeployment kind as gzipped JSON to the file named as its argument.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"

	"github.com/seldonctl/seldonctl/local/internal/crd/schema"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen FILE")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(path string) error {
	data, err := json.Marshal(schema.Definition())
	if err != nil {
		return fmt.Errorf("encode the kind: %w", err)
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("pack the kind: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("pack the kind: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("pack the kind: %w", err)
	}
	if err := os.WriteFile(path, packed.Bytes(), 0o644); err != nil { //nolint:gosec // a source file of this repository, which everybody may read
		return fmt.Errorf("write the kind: %w", err)
	}
	return nil
}
