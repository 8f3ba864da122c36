// The webhook that the benchmark compares Stockade's with: what a team that writes Go would build to keep the pods of
// a custom resource to the Pod Security Standards. It is controller-runtime's webhook server, with the decoding that
// its documentation recommends and with the evaluator that the API server itself uses for its own admission plugin.
//
// It decides less than Stockade's webhook does. That is deliberate: it is the least that such a webhook could be.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

// agentSandbox holds the fields of an AgentSandbox that are judged here.
type agentSandbox struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec agentSandboxSpec `json:"spec"`
}

type agentSandboxSpec struct {
	PodTemplate corev1.PodTemplateSpec `json:"podTemplate"`
}

// DeepCopyObject makes it a runtime.Object.
func (s *agentSandbox) DeepCopyObject() runtime.Object {
	return &agentSandbox{
		TypeMeta:   s.TypeMeta,
		ObjectMeta: *s.ObjectMeta.DeepCopy(),
		Spec:       agentSandboxSpec{PodTemplate: *s.Spec.PodTemplate.DeepCopy()},
	}
}

// validator allows an AgentSandbox whose pod template meets the level "restricted".
type validator struct {
	decoder   admission.Decoder
	evaluator policy.Evaluator
}

func (v *validator) Handle(_ context.Context, request admission.Request) admission.Response {
	var sandbox agentSandbox
	if err := v.decoder.Decode(request, &sandbox); err != nil {
		return admission.Errored(http.StatusBadRequest, err)
	}
	level := podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}
	template := &sandbox.Spec.PodTemplate
	results := policy.AggregateCheckResults(v.evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec))
	if !results.Allowed {
		return admission.Denied(fmt.Sprintf("spec.podTemplate violates %s: %s", level, results.ForbiddenDetail()))
	}
	return admission.Allowed("")
}

func run(ctx context.Context, port int, certificates string) error {
	scheme := runtime.NewScheme()
	version := schema.GroupVersion{Group: "stockade.dev", Version: "v1alpha1"}
	scheme.AddKnownTypeWithName(version.WithKind("AgentSandbox"), &agentSandbox{})

	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	server := webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: port, CertDir: certificates})
	server.Register("/validate/agentsandboxes", &admission.Webhook{
		Handler: &validator{decoder: admission.NewDecoder(scheme), evaluator: evaluator},
	})
	return server.Start(ctx)
}

func main() {
	port := flag.Int("port", 0, "where to listen on 127.0.0.1")
	certificates := flag.String("certificates", "", "a directory with tls.crt and tls.key")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *port, *certificates); err != nil {
		log.Fatal(err)
	}
}
