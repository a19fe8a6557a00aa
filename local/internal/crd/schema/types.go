package schema

import (
	autoscaling "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// spec is what a user asks for.
type spec struct {
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

type predictor struct {
	Name                    string                      `json:"name"`
	Graph                   graph                       `json:"graph"`
	ComponentSpecs          []component                 `json:"componentSpecs,omitempty"`
	Replicas                *int32                      `json:"replicas,omitempty"`
	Annotations             map[string]string           `json:"annotations,omitempty"`
	EngineResources         corev1.ResourceRequirements `json:"engineResources,omitzero"`
	Labels                  map[string]string           `json:"labels,omitempty"`
	SvcOrchSpec             orchestrator                `json:"svcOrchSpec,omitzero"`
	Traffic                 int32                       `json:"traffic,omitempty"`
	Explainer               *explainer                  `json:"explainer,omitempty"`
	Shadow                  bool                        `json:"shadow,omitempty"`
	SSL                     *ssl                        `json:"ssl,omitempty"`
	ProgressDeadlineSeconds *int32                      `json:"progressDeadlineSeconds,omitempty"`
}

// graph is a node of the inference graph with what comes after it.
type graph struct {
	Name                    string      `json:"name"`
	Children                []graph     `json:"children,omitempty"`
	Type                    string      `json:"type,omitempty"`
	Implementation          string      `json:"implementation,omitempty"`
	Methods                 []string    `json:"methods,omitempty"`
	Endpoint                endpoint    `json:"endpoint,omitzero"`
	Parameters              []parameter `json:"parameters,omitempty"`
	ModelURI                string      `json:"modelUri,omitempty"`
	ServiceAccountName      string      `json:"serviceAccountName,omitempty"`
	EnvSecretRefName        string      `json:"envSecretRefName,omitempty"`
	StorageInitializerImage string      `json:"storageInitializerImage,omitempty"`
	Logger                  *logger     `json:"logger,omitempty"`
}

type endpoint struct {
	ServiceHost string `json:"service_host,omitempty"`
	ServicePort int32  `json:"service_port,omitempty"`
	Type        string `json:"type,omitempty"`
	HTTPPort    int32  `json:"httpPort,omitempty"`
	GRPCPort    int32  `json:"grpcPort,omitempty"`
}

type parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Type  string `json:"type"`
}

type logger struct {
	URL  string `json:"url,omitempty"`
	Mode string `json:"mode,omitempty"`
}

type ssl struct {
	CertSecretName string `json:"certSecretName,omitempty"`
}

type component struct {
	Metadata metav1.ObjectMeta `json:"metadata,omitzero"`
	Spec     corev1.PodSpec    `json:"spec,omitzero"`
	HPASpec  *autoscaler       `json:"hpaSpec,omitempty"`
	KedaSpec *keda             `json:"kedaSpec,omitempty"`
	PDBSpec  *disruption       `json:"pdbSpec,omitempty"`
	Replicas *int32            `json:"replicas,omitempty"`
}

// embeddedMetadata is what an object's metadata inside another object keeps.
type embeddedMetadata struct {
	Name        string            `json:"name,omitempty"`
	Namespace   string            `json:"namespace,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Finalizers  []string          `json:"finalizers,omitempty"`
}

type orchestrator struct {
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	Env       []corev1.EnvVar              `json:"env,omitempty"`
	Replicas  *int32                       `json:"replicas,omitempty"`
}

type explainer struct {
	Type                    string            `json:"type,omitempty"`
	ModelURI                string            `json:"modelUri,omitempty"`
	ServiceAccountName      string            `json:"serviceAccountName,omitempty"`
	ContainerSpec           *corev1.Container `json:"containerSpec,omitempty"`
	Config                  map[string]string `json:"config,omitempty"`
	Endpoint                endpoint          `json:"endpoint,omitzero"`
	EnvSecretRefName        string            `json:"envSecretRefName,omitempty"`
	StorageInitializerImage string            `json:"storageInitializerImage,omitempty"`
	Replicas                *int32            `json:"replicas,omitempty"`
	InitParameters          string            `json:"initParameters,omitempty"`
}

type disruption struct {
	MinAvailable   *intstr.IntOrString `json:"minAvailable,omitempty"`
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
}

// autoscaler has its metrics in the old syntax (v2beta1) in one field and in the new one (v2) in another.
type autoscaler struct {
	MinReplicas *int32                   `json:"minReplicas,omitempty"`
	MaxReplicas int32                    `json:"maxReplicas"`
	Metrics     []oldMetric              `json:"metrics,omitempty"`
	MetricsV2   []autoscaling.MetricSpec `json:"metricsv2,omitempty"`
}

type oldMetric struct {
	Type              string                `json:"type"`
	Object            *oldObjectMetric      `json:"object,omitempty"`
	Pods              *oldPodsMetric        `json:"pods,omitempty"`
	Resource          *oldResourceMetric    `json:"resource,omitempty"`
	ContainerResource *oldContainerResource `json:"containerResource,omitempty"`
	External          *oldExternalMetric    `json:"external,omitempty"`
}

type oldObjectMetric struct {
	Target       autoscaling.CrossVersionObjectReference `json:"target"`
	MetricName   string                                  `json:"metricName"`
	TargetValue  resource.Quantity                       `json:"targetValue"`
	Selector     *metav1.LabelSelector                   `json:"selector,omitempty"`
	AverageValue *resource.Quantity                      `json:"averageValue,omitempty"`
}

type oldPodsMetric struct {
	MetricName         string                `json:"metricName"`
	TargetAverageValue resource.Quantity     `json:"targetAverageValue"`
	Selector           *metav1.LabelSelector `json:"selector,omitempty"`
}

type oldResourceMetric struct {
	Name                     string             `json:"name"`
	TargetAverageUtilization *int32             `json:"targetAverageUtilization,omitempty"`
	TargetAverageValue       *resource.Quantity `json:"targetAverageValue,omitempty"`
}

type oldContainerResource struct {
	Name                     string             `json:"name"`
	TargetAverageUtilization *int32             `json:"targetAverageUtilization,omitempty"`
	TargetAverageValue       *resource.Quantity `json:"targetAverageValue,omitempty"`
	Container                string             `json:"container"`
}

type oldExternalMetric struct {
	MetricName         string                `json:"metricName"`
	MetricSelector     *metav1.LabelSelector `json:"metricSelector,omitempty"`
	TargetValue        *resource.Quantity    `json:"targetValue,omitempty"`
	TargetAverageValue *resource.Quantity    `json:"targetAverageValue,omitempty"`
}

// keda asks for a KEDA ScaledObject.
type keda struct {
	PollingInterval *int32        `json:"pollingInterval,omitempty"`
	CooldownPeriod  *int32        `json:"cooldownPeriod,omitempty"`
	MinReplicaCount *int32        `json:"minReplicaCount,omitempty"`
	MaxReplicaCount *int32        `json:"maxReplicaCount,omitempty"`
	Advanced        *kedaAdvanced `json:"advanced,omitempty"`
	Triggers        []kedaTrigger `json:"triggers"`
}

type kedaAdvanced struct {
	HPAConfig                     *kedaHPAConfig `json:"horizontalPodAutoscalerConfig,omitempty"`
	RestoreToOriginalReplicaCount bool           `json:"restoreToOriginalReplicaCount,omitempty"`
}

type kedaHPAConfig struct {
	Behavior        *autoscaling.HorizontalPodAutoscalerBehavior `json:"behavior,omitempty"`
	ResourceMetrics []kedaResourceMetric                         `json:"resourceMetrics,omitempty"`
}

type kedaResourceMetric struct {
	Name   string                   `json:"name"`
	Target autoscaling.MetricTarget `json:"target"`
}

type kedaTrigger struct {
	Type              string            `json:"type"`
	Name              string            `json:"name,omitempty"`
	Metadata          map[string]string `json:"metadata"`
	AuthenticationRef *kedaAuth         `json:"authenticationRef,omitempty"`
	MetricType        string            `json:"metricType,omitempty"`
	FallbackReplicas  *int32            `json:"fallback,omitempty"`
}

type kedaAuth struct {
	Name string `json:"name"`
	Kind string `json:"kind,omitempty"`
}

// status is what the operator says.
type status struct {
	State              string                      `json:"state,omitempty"`
	Description        string                      `json:"description,omitempty"`
	DeploymentStatus   map[string]deploymentStatus `json:"deploymentStatus,omitempty"`
	ServiceStatus      map[string]serviceStatus    `json:"serviceStatus,omitempty"`
	Replicas           int32                       `json:"replicas,omitempty"`
	Address            *address                    `json:"address,omitempty"`
	Conditions         []condition                 `json:"conditions,omitempty"`
	Annotations        map[string]string           `json:"annotations,omitempty"`
	ObservedGeneration int64                       `json:"observedGeneration,omitempty"`
}

type deploymentStatus struct {
	Name              string `json:"name,omitempty"`
	Status            string `json:"status,omitempty"`
	Description       string `json:"description,omitempty"`
	Replicas          int32  `json:"replicas,omitempty"`
	AvailableReplicas int32  `json:"availableReplicas,omitempty"`
	ExplainerFor      string `json:"explainerFor,omitempty"`
}

type serviceStatus struct {
	SvcName      string `json:"svcName,omitempty"`
	HTTPEndpoint string `json:"httpEndpoint,omitempty"`
	GRPCEndpoint string `json:"grpcEndpoint,omitempty"`
	ExplainerFor string `json:"explainerFor,omitempty"`
}

type address struct {
	URL string `json:"url,omitempty"`
}

type condition struct {
	Type               string      `json:"type"`
	Status             string      `json:"status"`
	Reason             string      `json:"reason,omitempty"`
	Message            string      `json:"message,omitempty"`
	Severity           string      `json:"severity,omitempty"`
	LastTransitionTime metav1.Time `json:"lastTransitionTime,omitzero"`
}
