package schema

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// The fields that a SeldonDeployment has, in all its versions. They are only looked at, never filled: a
// field without omitempty that is no pointer must be there.
type (
	object struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Metadata   metav1.ObjectMeta `json:"metadata"`
		Spec       *spec             `json:"spec,omitempty"`
		Status     any               `json:"status,omitempty"`
	}

	spec struct {
		Name        string            `json:"name,omitempty"`
		Predictors  []predictor       `json:"predictors"`
		OAuthKey    string            `json:"oauth_key,omitempty"`
		OAuthSecret string            `json:"oauth_secret,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
		Protocol    string            `json:"protocol,omitempty"`
		Transport   string            `json:"transport,omitempty"`
		Replicas    *int32            `json:"replicas,omitempty"`
		ServerType  string            `json:"serverType,omitempty"`
	}

	predictor struct {
		Name                    string                       `json:"name"`
		Graph                   *graph                       `json:"graph,omitempty"` // must be there: see required
		ComponentSpecs          []component                  `json:"componentSpecs,omitempty"`
		Replicas                *int32                       `json:"replicas,omitempty"`
		Annotations             map[string]string            `json:"annotations,omitempty"`
		EngineResources         *corev1.ResourceRequirements `json:"engineResources,omitempty"`
		Labels                  map[string]string            `json:"labels,omitempty"`
		SvcOrchSpec             *orchestrator                `json:"svcOrchSpec,omitempty"`
		Traffic                 int32                        `json:"traffic,omitempty"`
		Explainer               *explainer                   `json:"explainer,omitempty"`
		Shadow                  bool                         `json:"shadow,omitempty"`
		SSL                     *ssl                         `json:"ssl,omitempty"`
		ProgressDeadlineSeconds *int32                       `json:"progressDeadlineSeconds,omitempty"`
	}

	graph struct {
		Name                    string      `json:"name"`
		Children                []graph     `json:"children,omitempty"`
		Type                    string      `json:"type,omitempty"`
		Implementation          string      `json:"implementation,omitempty"`
		Methods                 []string    `json:"methods,omitempty"`
		Endpoint                *endpoint   `json:"endpoint,omitempty"`
		Parameters              []parameter `json:"parameters,omitempty"`
		ModelURI                string      `json:"modelUri,omitempty"`
		ServiceAccountName      string      `json:"serviceAccountName,omitempty"`
		EnvSecretRefName        string      `json:"envSecretRefName,omitempty"`
		StorageInitializerImage string      `json:"storageInitializerImage,omitempty"`
		Logger                  *logger     `json:"logger,omitempty"`
	}

	endpoint struct {
		ServiceHost string `json:"service_host,omitempty"`
		ServicePort int32  `json:"service_port,omitempty"`
		Type        string `json:"type,omitempty"`
		HTTPPort    int32  `json:"httpPort,omitempty"`
		GRPCPort    int32  `json:"grpcPort,omitempty"`
	}

	parameter struct {
		Name  string `json:"name"`
		Value string `json:"value"`
		Type  string `json:"type"`
	}

	logger struct {
		URL  string `json:"url,omitempty"`
		Mode string `json:"mode,omitempty"`
	}

	ssl struct {
		CertSecretName string `json:"certSecretName,omitempty"`
	}

	component struct {
		Metadata *embedded       `json:"metadata,omitempty"`
		Spec     *corev1.PodSpec `json:"spec,omitempty"`
		HPASpec  *autoscaler     `json:"hpaSpec,omitempty"`
		KedaSpec *keda           `json:"kedaSpec,omitempty"`
		PDBSpec  *disruption     `json:"pdbSpec,omitempty"`
		Replicas *int32          `json:"replicas,omitempty"`
	}

	// embedded is what an object's metadata inside another object keeps.
	embedded struct {
		Name        string            `json:"name,omitempty"`
		Namespace   string            `json:"namespace,omitempty"`
		Labels      map[string]string `json:"labels,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
		Finalizers  []string          `json:"finalizers,omitempty"`
	}

	orchestrator struct {
		Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
		Env       []corev1.EnvVar              `json:"env,omitempty"`
		Replicas  *int32                       `json:"replicas,omitempty"`
	}

	explainer struct {
		Type                    string            `json:"type,omitempty"`
		ModelURI                string            `json:"modelUri,omitempty"`
		ServiceAccountName      string            `json:"serviceAccountName,omitempty"`
		ContainerSpec           *corev1.Container `json:"containerSpec,omitempty"`
		Config                  map[string]string `json:"config,omitempty"`
		Endpoint                *endpoint         `json:"endpoint,omitempty"`
		EnvSecretRefName        string            `json:"envSecretRefName,omitempty"`
		StorageInitializerImage string            `json:"storageInitializerImage,omitempty"`
		Replicas                *int32            `json:"replicas,omitempty"`
		InitParameters          string            `json:"initParameters,omitempty"`
	}

	disruption struct {
		MinAvailable   *intstr.IntOrString `json:"minAvailable,omitempty"`
		MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	}
)

// The autoscalers. hpaSpec has its metrics in the syntax of v2beta1 in one field and in that of v2 in
// another.
type (
	autoscaler struct {
		MinReplicas *int32                     `json:"minReplicas,omitempty"`
		MaxReplicas int32                      `json:"maxReplicas"`
		Metrics     []metric                   `json:"metrics,omitempty"`
		MetricsV2   []autoscalingv2.MetricSpec `json:"metricsv2,omitempty"`
	}

	metric struct {
		Type              string          `json:"type"`
		Object            any             `json:"object,omitempty"`
		Pods              any             `json:"pods,omitempty"`
		Resource          *resourceMetric `json:"resource,omitempty"`
		ContainerResource any             `json:"containerResource,omitempty"`
		External          any             `json:"external,omitempty"`
	}

	resourceMetric struct {
		Name                     string             `json:"name"`
		TargetAverageUtilization *int32             `json:"targetAverageUtilization,omitempty"`
		TargetAverageValue       *resource.Quantity `json:"targetAverageValue,omitempty"`
	}

	keda struct {
		PollingInterval *int32        `json:"pollingInterval,omitempty"`
		CooldownPeriod  *int32        `json:"cooldownPeriod,omitempty"`
		MinReplicaCount *int32        `json:"minReplicaCount,omitempty"`
		MaxReplicaCount *int32        `json:"maxReplicaCount,omitempty"`
		Advanced        any           `json:"advanced,omitempty"`
		Triggers        []kedaTrigger `json:"triggers"`
	}

	kedaTrigger struct {
		Type              string            `json:"type"`
		Name              string            `json:"name,omitempty"`
		Metadata          map[string]string `json:"metadata"`
		AuthenticationRef any               `json:"authenticationRef,omitempty"`
		MetricType        string            `json:"metricType,omitempty"`
		Fallback          any               `json:"fallback,omitempty"`
	}
)
