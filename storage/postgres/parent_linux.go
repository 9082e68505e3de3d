package postgres

import "syscall"

// tieToParent has the kernel ask the server for a fast shutdown when the
// thread that started it dies, even by kill -9.
func tieToParent(attributes *syscall.SysProcAttr) {
	attributes.Pdeathsig = syscall.SIGINT
}
