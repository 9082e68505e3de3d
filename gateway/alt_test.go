package gateway
import ("testing";"os";"fmt";"runtime/pprof")
func BenchmarkAlt(b *testing.B) {
	x := newBench(b)
	gateway, bare := x.clients(b, x.gateway), x.clients(b, x.bare)
	run(b, gateway, 2*turn, x.forGateway)
	run(b, bare, 2*turn, x.forBare)
	for i:=0;i<12;i++ {
		f,_:=os.Create(fmt.Sprintf("/tmp/alt/g%d.prof",i)); pprof.StartCPUProfile(f); run(b,gateway,5000,x.forGateway); pprof.StopCPUProfile(); f.Close()
		f,_=os.Create(fmt.Sprintf("/tmp/alt/b%d.prof",i)); pprof.StartCPUProfile(f); run(b,bare,5000,x.forBare); pprof.StopCPUProfile(); f.Close()
	}
}
