// containerd's shim for gVisor, for hosts that do not let it lower the score by which the kernel chooses what to kill
// when memory runs out. gVisor's own shim cannot do without: it takes the refusal for the end. There is one difference
// between the two, which is that; all other requests are gVisor's to answer.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/containerd/containerd/namespaces"
	"github.com/containerd/containerd/runtime/v2/shim"
	gvisor "gvisor.dev/gvisor/pkg/shim/v1"
)

// The kernel ends a shim last, if it may be told so.
const oomScore = -999

// tolerant starts the shim's server by itself and leaves everything else to gVisor's.
type tolerant struct {
	shim.Shim
	debug bool
}

func newShim(ctx context.Context, id string, publisher shim.Publisher, stop func()) (shim.Shim, error) {
	inner, err := gvisor.New(ctx, id, publisher, stop)
	if err != nil {
		return nil, err
	}
	options, _ := ctx.Value(shim.OptsKey{}).(shim.Opts)
	return &tolerant{Shim: inner, debug: options.Debug}, nil
}

// StartShim starts this program once more as the server of one pod, listening on a socket that it inherits, and
// returns the socket's address. containerd runs it in the directory of the bundle.
func (t *tolerant) StartShim(ctx context.Context, options shim.StartOpts) (string, error) {
	namespace, err := namespaces.NamespaceRequired(ctx)
	if err != nil {
		return "", err
	}
	address, err := shim.SocketAddress(ctx, options.Address, options.ID)
	if err != nil {
		return "", err
	}
	socket, err := shim.NewSocket(address)
	if shim.SocketEaddrinuse(err) {
		// A server of that name runs, or one died and left its socket.
		if shim.CanConnect(address) {
			return address, shim.WriteAddress("address", address)
		}
		if err = shim.RemoveSocket(address); err == nil {
			socket, err = shim.NewSocket(address)
		}
	}
	if err != nil {
		return "", fmt.Errorf("listening on %s: %w", address, err)
	}
	if err := t.serve(namespace, options, address, socket.File); err != nil {
		_ = socket.Close()
		_ = shim.RemoveSocket(address)
		return "", err
	}
	return address, nil
}

func (t *tolerant) serve(namespace string, options shim.StartOpts, address string,
	socket func() (*os.File, error)) error {
	file, err := socket()
	if err != nil {
		return err
	}
	defer file.Close()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	server := exec.Command(self, "-namespace", namespace, "-address", options.Address,
		"-publish-binary", options.ContainerdBinary)
	if t.debug {
		server.Args = append(server.Args, "-debug")
	}
	server.Env = append(os.Environ(), "GOMAXPROCS=2")
	server.ExtraFiles = []*os.File{file}
	server.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := server.Start(); err != nil {
		return err
	}
	go server.Wait()
	err = errors.Join(shim.WritePidFile("shim.pid", server.Process.Pid), shim.WriteAddress("address", address),
		protect(server.Process.Pid))
	if err != nil {
		_ = server.Process.Kill()
	}
	return err
}

// protect lowers the score of a process where that is allowed.
func protect(pid int) error {
	path := fmt.Sprintf("/proc/%d/oom_score_adj", pid)
	err := os.WriteFile(path, []byte(strconv.Itoa(oomScore)), 0)
	if errors.Is(err, os.ErrPermission) {
		return nil
	}
	return err
}

func main() {
	shim.Run("io.containerd.runsc.v1", newShim)
}
