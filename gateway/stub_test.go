package gateway
import ("testing";"net/http";"net/http/httputil";"bytes";"io";"bufio";"time"
"latchkey/connectors";"latchkey/secret";"latchkey/storage";"github.com/rs/zerolog";"net/url")
type stub struct{ body []byte }
func (s stub) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode:200, Header: http.Header{"Content-Type":{"application/json"},"Date":{"x"},"Content-Length":{"1000"}}, ContentLength: 1000, Body: io.NopCloser(bytes.NewReader(s.body)), Request:r}, nil
}
type nullW struct{ h http.Header }
func (n nullW) Header() http.Header { return n.h }
func (n nullW) Write(p []byte)(int,error){ return len(p),nil}
func (n nullW) WriteHeader(int){}
func setupStub(b *testing.B) (*Gateway, *http.Request, *httputil.ReverseProxy, stub) {
	box,_:=secret.NewBox(secret.NewDataKey())
	v:=newVendor(b,nil)
	st:=stub{bytes.Repeat([]byte("x"),1000)}
	g,err:=New(Deps{DB:&storage.DB{},Box:box,Logger:zerolog.New(io.Discard),Upstreams:map[string]connectors.Upstream{"tempo":v.upstream(b)},Transport:func(connectors.Upstream) http.RoundTripper{return st},Limits:Limits{PerSecond:1000000,Burst:1000000}, MaxStale: time.Hour})
	if err!=nil{b.Fatal(err)}
	key:=secret.NewKey().Expose()
	g.keeper.snapshot.Store((&snapshot{}).with([]storage.GatewayKey{{ID:1,Hash:box.Hash(key),Connection:"tempo",Scopes:[]string{"worklogs:view","plans:view"},ExpiresAt:time.Now().Add(time.Hour),Alive:true}},g.keeper.grants))
	g.keeper.reading.Store(&reading{time.Now(),time.Now()})
	r,err:=http.ReadRequest(bufio.NewReader(bytes.NewReader(benchRequest("/tempo/4/worklogs/17?from=2026-11-01",key))))
	if err!=nil{b.Fatal(err)}
	r.RemoteAddr="127.0.0.1:4444"
	go func(){ for range g.meter.queue {} }()
	u,_:=url.Parse("http://127.0.0.1:1")
	rp:=&httputil.ReverseProxy{Rewrite:func(p *httputil.ProxyRequest){p.SetURL(u)},Transport:st,BufferPool:benchPool{}}
	return g,r,rp,st
}
func BenchmarkStubGateway(b *testing.B) {
	g,r,_,_:=setupStub(b)
	b.ReportAllocs()
	for b.Loop() { g.handle(nullW{http.Header{}}, r) }
}
func BenchmarkStubBare(b *testing.B) {
	_,r,rp,_:=setupStub(b)
	b.ReportAllocs()
	for b.Loop() { rp.ServeHTTP(nullW{http.Header{}}, r) }
}
func BenchmarkStubHash(b *testing.B) {
	g,r,_,_:=setupStub(b)
	b.ReportAllocs()
	for b.Loop() { g.findKey(r.Header) }
}
func BenchmarkStubFinish(b *testing.B) {
	g,r,_,_:=setupStub(b)
	x:=&exchange{start:time.Now(),route:"/4/worklogs/{id}",metered:true,key:g.findKey(r.Header),upstream:g.upstreams["tempo"]}
	rec:=&recorder{id:requestID(),status:200}
	b.ReportAllocs()
	for b.Loop() { g.finish(rec,r,x) }
}
func BenchmarkStubGuard(b *testing.B) {
	req:=benchRequest("/tempo/4/worklogs/17?from=2026-11-01",secret.NewKey().Expose())
	b.ReportAllocs()
	w:=&wire{}
	g:=&guardedConn{Conn:w}
	buf:=make([]byte,4096)
	for b.Loop() { w.pieces=append(w.pieces[:0],req); n,err:=g.Read(buf); if n!=len(req){b.Fatal(n,err)} }
}
