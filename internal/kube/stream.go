package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

// errSilent is why a stream ended on which nothing came for longer than was allowed.
var errSilent = errors.New("nothing came from the server")

func isSilent(err error) bool { return errors.Is(err, errSilent) }

// message is one message of a watch, its object not yet decoded.
type message struct {
	Type   watch.EventType `json:"type"`
	Object json.RawMessage `json:"object"`
}

// bookmark is the object of a message that carries only a version.
type bookmark struct {
	Metadata struct {
		ResourceVersion string            `json:"resourceVersion"`
		Annotations     map[string]string `json:"annotations"`
	} `json:"metadata"`
}

func (m message) bookmark() (b bookmark, err error) {
	if err := json.Unmarshal(m.Object, &b); err != nil {
		return b, fmt.Errorf("decode bookmark: %w", err)
	}
	return b, nil
}

// stream is the open answer of a watch. It must be closed.
type stream struct {
	body    io.ReadCloser
	decoder *json.Decoder
	cancel  context.CancelCauseFunc
	why     func() error // the reason why the stream was cancelled, nil if it was not
	silence time.Duration
	timer   *time.Timer // cancels the stream when it is silent too long; nil where it may be
}

// openStream sends a watch request, waits at most limit for the server to begin answering it, and
// lets at most silence pass between two messages (0: any time).
func openStream(ctx context.Context, request *rest.Request, limit, silence time.Duration) (*stream, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &stream{cancel: cancel, why: func() error { return context.Cause(ctx) }}
	late := fmt.Errorf("no answer within %s: %w", limit, context.DeadlineExceeded)
	opening := time.AfterFunc(limit, func() { cancel(late) })
	body, err := request.MaxRetries(0).Stream(ctx)
	opening.Stop()
	if err != nil {
		if cause := s.why(); cause != nil {
			err = cause
		}
		cancel(nil)
		return nil, shorten(err)
	}
	s.body, s.decoder = body, json.NewDecoder(body)
	s.allow(silence)
	return s, nil
}

// allow sets how long the stream may be silent from now on; 0 means for ever.
func (s *stream) allow(silence time.Duration) {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if s.silence = silence; silence > 0 {
		s.timer = time.AfterFunc(silence, func() { s.cancel(fmt.Errorf("%w for %s", errSilent, silence)) })
	}
}

// next waits for the next message. An error message of the server is returned as the error that it
// carries; the end of the stream as io.EOF, where it was clean.
func (s *stream) next() (message, error) {
	var m message
	if err := s.decoder.Decode(&m); err != nil {
		if cause := s.why(); cause != nil {
			err = cause
		}
		return m, fmt.Errorf("the watch ended: %w", err)
	}
	if s.timer != nil {
		s.timer.Reset(s.silence)
	}
	switch m.Type {
	case watch.Added, watch.Modified, watch.Deleted, watch.Bookmark:
		return m, nil
	case watch.Error:
		return m, m.status()
	}
	return m, fmt.Errorf("the server sent a message of unknown type %q", m.Type)
}

// status returns the error that an error message carries.
func (m message) status() error {
	var status metav1.Status
	if err := json.Unmarshal(m.Object, &status); err != nil || status.Status == "" {
		return fmt.Errorf("the server ended the watch with an error that cannot be read: %.200q", m.Object)
	}
	return fmt.Errorf("the server ended the watch: %w", apierrors.FromObject(&status))
}

func (s *stream) close() {
	s.allow(0)
	s.cancel(nil)
	_ = s.body.Close() // Its end is already decided; nothing can be lost by it.
}
