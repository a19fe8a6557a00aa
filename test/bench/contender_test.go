//go:build integration

package bench

import (
	"context"
	"time"
)

// contender takes the SeldonDeployment through its life once.
type contender func(context.Context) (turn, error)

// The contenders, in the order of their turns.
const (
	bySeldonctl = iota
	byKubectl
	byPolling
)

var names = [...]string{"seldonctl", "kubectl", "polling"}

// agents is how the user agent of each contender begins.
var agents = [...]string{"seldonctl/", "kubectl", pollingAgent}

// turn is one contender's way through the life.
type turn struct {
	started, ended time.Time
	claims         []*claim
	peak           int64 // bytes of memory, where it was measured
	history        history

	// These are found in the audit log.
	requests int
	took     time.Duration // the time that the world itself took
	timed    bool          // every goal was reached before the next was set, so that took is known
}

// settle waits until a turn's claims are judged and nothing is left of it, and gives it its history.
func (w *witness) settle(ctx context.Context, t *turn) error {
	for _, c := range t.claims {
		c.settle()
	}
	was, err := w.clear(ctx)
	t.history = was
	return err
}

func (t turn) wall() time.Duration { return t.ended.Sub(t.started) }

// overhead is how much longer the turn took than the world itself.
func (t turn) overhead() float64 { return (t.wall() - t.took).Seconds() }

func (t turn) seconds() float64 { return t.wall().Seconds() }
