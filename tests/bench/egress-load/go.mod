// The host and the client of hack/bench egress. The standard library alone.
module stockade.dev/tests/bench/egress-load

go 1.21
