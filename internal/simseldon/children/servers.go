package children

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/seldonctl/seldonctl/internal/simseldon/spec"
)

// release is the version of the images that come with the operator.
const release = "1.17.1"

// server is how a prepackaged server's container differs from any other unit's.
type server struct {
	image      string
	noMetrics  bool // no metrics port
	parameters bool // PREDICTIVE_UNIT_PARAMETERS even if the unit has none
	httpProbes bool // asked over HTTP for its health, not just connected to
	env        []corev1.EnvVar
	args       func(*node) []string
	beside     string // image of a second container that does the serving
}

// protocols are a server's forms by protocol.
type protocols struct{ seldon, v2, tensorflow server }

// servers are the prepackaged servers by graph implementation.
var servers = map[string]protocols{
	"SKLEARN_SERVER":     {seldon: wrapper("sklearnserver"), v2: mlserver("sklearn", "mlserver_sklearn.SKLearnModel")},
	"XGBOOST_SERVER":     {seldon: wrapper("xgboostserver"), v2: mlserver("xgboost", "mlserver_xgboost.XGBoostModel")},
	"MLFLOW_SERVER":      {seldon: wrapper("mlflowserver"), v2: mlserver("mlflow", "mlserver_mlflow.MLflowRuntime")},
	"HUGGINGFACE_SERVER": {v2: mlserver("huggingface", "mlserver_huggingface.HuggingFaceRuntime")},
	"TEMPO_SERVER":       {v2: mlserver("slim", "tempo.mlserver.InferenceRuntime")},
	"TRITON_SERVER":      {v2: server{image: "nvcr.io/nvidia/tritonserver:21.08-py3", noMetrics: true, args: tritonArgs}},
	"TENSORFLOW_SERVER": {
		seldon:     server{image: "seldonio/tfserving-proxy:" + release, parameters: true, beside: "tensorflow/serving:2.1.0"},
		tensorflow: server{image: "tensorflow/serving:2.1.0", parameters: true, args: tensorflowArgs},
	},
}

// KnownServer says whether the operator's configuration has a prepackaged server of that name.
func KnownServer(implementation string) bool {
	_, known := servers[implementation]
	return known
}

func wrapper(name string) server {
	return server{image: "seldonio/" + name + ":" + release, parameters: true}
}

func mlserver(flavour, implementation string) server {
	return server{
		image: "seldonio/mlserver:1.3.5-" + flavour, noMetrics: true, httpProbes: true,
		env: []corev1.EnvVar{
			{Name: "MLSERVER_MODEL_IMPLEMENTATION", Value: implementation},
			{Name: "MLSERVER_MODEL_VERSION", Value: "v1"},
			{Name: "TEMPO_RUNTIME_OPTIONS", Value: "{}"},
		},
	}
}

// serverOf gives the unit's server in the protocol that is spoken, or the nothing that an ordinary unit's is.
func serverOf(u *spec.Unit, d *spec.SeldonDeployment) server {
	forms := servers[u.Implementation]
	switch {
	case d.IsV2():
		return forms.v2
	case d.Protocol() == "tensorflow":
		return forms.tensorflow
	}
	return forms.seldon
}

func (s server) probe(path string, delay int32) *corev1.Probe {
	if s.httpProbes {
		return httpProbe(path, intstr.FromString("http"), delay)
	}
	return tcpProbe(delay, 3)
}

// besideName is the container that serves where the unit's own only translates.
const besideName = "tfserving"

// bringServer gives a prepackaged server's container its image and arguments, where the user gave none, and the container that has to stand beside it.
func (b *builder) bringServer(n *node, c *corev1.Container) []corev1.Container {
	s := serverOf(n.unit, b.d)
	if c.Image == "" {
		c.Image = s.image
	}
	if s.args != nil && len(c.Args) == 0 {
		c.Args = s.args(n)
	}
	if s.beside == "" {
		return nil
	}
	return []corev1.Container{{
		Name: besideName, Image: s.beside,
		Args:  servingArgs(2000, 2001, modelName(n.unit)),
		Ports: []corev1.ContainerPort{{ContainerPort: 2000, Protocol: corev1.ProtocolTCP}, {ContainerPort: 2001, Protocol: corev1.ProtocolTCP}},
	}}
}

func tensorflowArgs(n *node) []string { return servingArgs(n.grpc, n.http, modelName(n.unit)) }

func servingArgs(grpc, http int32, model string) []string {
	return []string{"--port=" + number(grpc), "--rest_api_port=" + number(http), "--model_name=" + model, "--model_base_path=" + modelPath}
}

func tritonArgs(n *node) []string {
	return []string{
		"/opt/tritonserver/bin/tritonserver", "--grpc-port=" + number(n.grpc), "--http-port=" + number(n.http),
		"--model-repository=" + modelPath, "--strict-model-config=false",
	}
}

func modelName(u *spec.Unit) string {
	for _, parameter := range u.Parameters {
		if parameter.Name == "model_name" {
			return parameter.Value
		}
	}
	return u.Name
}
