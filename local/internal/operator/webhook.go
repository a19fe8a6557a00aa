package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seldonctl/seldonctl/internal/simseldon"
)

// webhookPath is where the API server asks.
const webhookPath = "/validate-machinelearning-seldon-io-v1-seldondeployment"

// largestReview is more than any object that etcd takes, twice.
const largestReview = 8 << 20

// serveWebhook answers admission reviews until the context ends.
func serveWebhook(ctx context.Context, opts Options) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+webhookPath, review)
	server := &http.Server{Addr: fmt.Sprintf("127.0.0.1:%d", opts.WebhookPort), Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.ListenAndServeTLS(opts.CertFile, opts.KeyFile); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the webhook: %w", err)
	}
	return nil
}

// review answers one AdmissionReview.
func review(w http.ResponseWriter, request *http.Request) {
	var asked admissionv1.AdmissionReview
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, largestReview))
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	if err == nil && asked.Request == nil {
		err = errors.New("no request in the review")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := admissionv1.AdmissionReview{TypeMeta: asked.TypeMeta, Response: answerTo(asked.Request)}
	data, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data) // if the API server has gone away nobody is left to tell
}

// answerTo asks the model. A refusal carries the model's whole Status, which the API server puts its own words in front of.
func answerTo(request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	response := &admissionv1.AdmissionResponse{UID: request.UID, Allowed: true}
	if request.Operation != admissionv1.Create && request.Operation != admissionv1.Update {
		return response
	}
	root := blank()
	err := json.Unmarshal(request.Object.Raw, &root.Object)
	if err == nil {
		err = simseldon.Validate(root)
	}
	if err == nil {
		return response
	}
	response.Allowed = false
	response.Result = &metav1.Status{Status: metav1.StatusFailure, Code: http.StatusBadRequest, Reason: metav1.StatusReasonBadRequest, Message: err.Error()}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		result := status.Status()
		response.Result = &result
	}
	return response
}
