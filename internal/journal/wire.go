package journal

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// seconds is a duration as the journal's JSON has it: a number of seconds, exact to the nanosecond.
type seconds time.Duration

func (s seconds) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Duration(s).Seconds()) //nolint:wrapcheck // the caller names the entry
}

func (s *seconds) UnmarshalJSON(data []byte) error {
	var number float64
	if err := json.Unmarshal(data, &number); err != nil {
		return err //nolint:wrapcheck // the caller names the entry
	}
	*s = seconds(math.Round(number * float64(time.Second)))
	return nil
}

// plain is an Entry without its methods.
type plain Entry

// wire is an Entry with its durations in seconds.
type wire struct {
	plain

	Elapsed seconds `json:"elapsed"`
	Took    seconds `json:"took,omitzero"`
	Limit   seconds `json:"limit,omitzero"`
}

// MarshalJSON writes one line of a recorded journal: times in UTC, durations in seconds. Nothing is
// lost by it.
func (e Entry) MarshalJSON() ([]byte, error) {
	w := wire{plain: plain(e), Elapsed: seconds(e.Elapsed), Took: seconds(e.Took), Limit: seconds(e.Limit)}
	w.At = e.At.UTC()
	data, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("write a journal entry: %w", err)
	}
	return data, nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Entry) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("read a journal entry: %w", err)
	}
	*e = Entry(w.plain)
	e.Elapsed, e.Took, e.Limit = time.Duration(w.Elapsed), time.Duration(w.Took), time.Duration(w.Limit)
	return nil
}
