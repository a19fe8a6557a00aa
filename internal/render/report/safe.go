package report

import "github.com/seldonctl/seldonctl/internal/render"

// encode returns a value's JSON with nothing in it that could steer whoever prints it.
func encode(value any, indent string) ([]byte, error) { return render.JSON(value, indent) }
