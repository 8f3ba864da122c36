// The two ends of the egress benchmark: a host that answers over TLS, and a client that asks it directly or through a
// forward proxy. Go's own HTTP client knows both ways, which wrk does not.
//
//	egress-load serve --address ADDRESS:PORT --certificate FILE --key FILE
//	egress-load ask --url URL --roots FILE [--connect ADDRESS:PORT | --proxy URL] [MEASUREMENT...]
//
// The client prints one JSON object: for each measurement what it saw, all times in microseconds.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	smallBytes = 1024
	chunkBytes = 32 * 1024
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: egress-load serve|ask OPTION...")
	}
	var err error
	switch os.Args[1] {
	case "serve":
		err = serve(os.Args[2:])
	case "ask":
		err = ask(os.Args[2:])
	default:
		err = fmt.Errorf("unknown command %s", os.Args[1])
	}
	if err != nil {
		log.Fatal(err)
	}
}

// ---- The host

func serve(arguments []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	address := flags.String("address", "", "where to listen")
	certificate := flags.String("certificate", "", "PEM")
	key := flags.String("key", "", "PEM")
	_ = flags.Parse(arguments)

	small := make([]byte, smallBytes)
	mux := http.NewServeMux()
	mux.HandleFunc("/small", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(small) })
	mux.HandleFunc("/stream", stream)
	mux.HandleFunc("/events", events)
	// HTTP/1.1 for everybody: what an agent's client speaks through a proxy.
	server := &http.Server{
		Addr:         *address,
		Handler:      mux,
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	return server.ListenAndServeTLS(*certificate, *key)
}

// number is a parameter of the query.
func number(r *http.Request, name string) int64 {
	value, _ := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
	return value
}

// stream sends that many bytes, chunked.
func stream(w http.ResponseWriter, r *http.Request) {
	chunk := make([]byte, chunkBytes)
	for left := number(r, "bytes"); left > 0; left -= chunkBytes {
		if _, err := w.Write(chunk[:min64(left, chunkBytes)]); err != nil {
			return
		}
	}
}

// events sends lines with the time at which each is written, at equal distances.
func events(w http.ResponseWriter, r *http.Request) {
	flusher := w.(http.Flusher)
	w.Header().Set("Content-Type", "text/event-stream")
	ticker := time.NewTicker(time.Duration(number(r, "every_us")) * time.Microsecond)
	defer ticker.Stop()
	for left := number(r, "count"); left > 0; left-- {
		<-ticker.C
		if _, err := fmt.Fprintf(w, "%d\n", time.Now().UnixNano()); err != nil {
			return
		}
		flusher.Flush()
	}
}

func min64(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

// ---- The client

type client struct {
	base      string
	transport *http.Transport
}

// fetch reads the answer to one request to its end.
func (c *client) fetch(path string) (int64, error) {
	response, err := c.get(path)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	return io.Copy(io.Discard, response.Body)
}

func (c *client) get(path string) (*http.Response, error) {
	request, err := http.NewRequest(http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s answered %s", path, response.Status)
	}
	return response, nil
}

// times asks for the small page again and again; with `anew` on a new connection each time.
func (c *client) times(count int, anew bool) ([]float64, error) {
	taken := make([]float64, 0, count)
	for len(taken) < count {
		started := time.Now()
		n, err := c.fetch("/small")
		if err != nil {
			return nil, err
		}
		if n != smallBytes {
			return nil, fmt.Errorf("an answer of %d bytes", n)
		}
		taken = append(taken, micros(time.Since(started)))
		if anew {
			c.transport.CloseIdleConnections()
		}
	}
	return taken, nil
}

// throughput is in bytes a second.
func (c *client) throughput(bytes int64) (float64, error) {
	started := time.Now()
	n, err := c.fetch(fmt.Sprintf("/stream?bytes=%d", bytes))
	if err != nil {
		return 0, err
	}
	if n != bytes {
		return 0, fmt.Errorf("%d of %d bytes came", n, bytes)
	}
	return float64(n) / time.Since(started).Seconds(), nil
}

// events tells how late each event came, and how long after the one before.
func (c *client) events(count int, every time.Duration) (delays, gaps []float64, err error) {
	response, err := c.get(fmt.Sprintf("/events?count=%d&every_us=%d", count, every.Microseconds()))
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	var before time.Time
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		now := time.Now()
		sent, err := strconv.ParseInt(strings.TrimSpace(lines.Text()), 10, 64)
		if err != nil {
			return nil, nil, err
		}
		delays = append(delays, float64(now.UnixNano()-sent)/1000)
		if !before.IsZero() {
			gaps = append(gaps, micros(now.Sub(before)))
		}
		before = now
	}
	if len(delays) != count {
		return nil, nil, fmt.Errorf("%d of %d events came: %w", len(delays), count, lines.Err())
	}
	return delays, gaps, lines.Err()
}

// load has that many clients ask on kept connections for some time, and then each read a stream. It returns the
// requests and the seconds of the first part.
func (c *client) load(clients int, duration time.Duration, bytes int64) (int, float64, error) {
	var (
		group    sync.WaitGroup
		mutex    sync.Mutex
		requests int
		failed   error
	)
	together := func(do func() (int, error)) {
		for i := 0; i < clients; i++ {
			group.Add(1)
			go func() {
				defer group.Done()
				n, err := do()
				mutex.Lock()
				defer mutex.Unlock()
				requests += n
				if err != nil {
					failed = err
				}
			}()
		}
		group.Wait()
	}
	started := time.Now()
	together(func() (int, error) {
		n := 0
		for ; time.Since(started) < duration; n++ {
			if _, err := c.fetch("/small"); err != nil {
				return n, err
			}
		}
		return n, nil
	})
	seconds := time.Since(started).Seconds()
	if failed == nil {
		together(func() (int, error) {
			_, err := c.throughput(bytes)
			return 0, err
		})
	}
	return requests, seconds, failed
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

func newClient(base, roots, connect, proxy string, connections int) (*client, error) {
	pem, err := os.ReadFile(roots)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", roots)
	}
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: pool},
		TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{},
		MaxIdleConnsPerHost: connections,
		DisableCompression:  true,
	}
	if proxy != "" {
		parsed, err := url.Parse(proxy)
		if err != nil {
			return nil, err
		}
		transport.Proxy = http.ProxyURL(parsed)
	}
	if connect != "" {
		var dialer net.Dialer
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, connect)
		}
	}
	return &client{base: base, transport: transport}, nil
}

type results struct {
	New      []float64 `json:"new_us,omitempty"`
	Kept     []float64 `json:"kept_us,omitempty"`
	Stream   float64   `json:"stream_bytes_per_second,omitempty"`
	Delays   []float64 `json:"event_delays_us,omitempty"`
	Gaps     []float64 `json:"event_gaps_us,omitempty"`
	Requests int       `json:"load_requests,omitempty"`
	Seconds  float64   `json:"load_seconds,omitempty"`
}

func ask(arguments []string) error {
	flags := flag.NewFlagSet("ask", flag.ExitOnError)
	base := flags.String("url", "", "the host")
	roots := flags.String("roots", "", "whom to trust, PEM")
	connect := flags.String("connect", "", "the host's address, to ask it directly")
	proxy := flags.String("proxy", "", "the proxy to ask through")
	fresh := flags.Int("new", 0, "requests, each on a new connection")
	kept := flags.Int("kept", 0, "requests, one after the other on one connection")
	bytes := flags.Int64("stream", 0, "bytes of one streamed answer")
	count := flags.Int("events", 0, "events of a stream")
	every := flags.Duration("every", 10*time.Millisecond, "between two events")
	clients := flags.Int("clients", 0, "clients that ask at once")
	seconds := flags.Duration("for", 5*time.Second, "how long they ask")
	each := flags.Int64("each", 0, "bytes of the stream that each of them reads then")
	_ = flags.Parse(arguments)

	c, err := newClient(*base, *roots, *connect, *proxy, *clients+1)
	if err != nil {
		return err
	}
	var seen results
	if *fresh > 0 {
		if seen.New, err = c.times(*fresh, true); err != nil {
			return err
		}
	}
	if *kept > 0 {
		if _, err = c.fetch("/small"); err != nil { // the connection itself is not measured here
			return err
		}
		if seen.Kept, err = c.times(*kept, false); err != nil {
			return err
		}
	}
	if *bytes > 0 {
		if seen.Stream, err = c.throughput(*bytes); err != nil {
			return err
		}
	}
	if *count > 0 {
		if seen.Delays, seen.Gaps, err = c.events(*count, *every); err != nil {
			return err
		}
	}
	if *clients > 0 {
		if seen.Requests, seen.Seconds, err = c.load(*clients, *seconds, *each); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(seen)
}
