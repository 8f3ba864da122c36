// The operator that stockade convert reads manifests of: the tests convert its examples, and run what comes of them.
module stockade.dev/hack/tools/agent-sandbox

go 1.24.0

require sigs.k8s.io/agent-sandbox v0.5.0
