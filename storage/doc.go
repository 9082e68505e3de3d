// Package storage owns what Latchkey remembers: one file per noun, one door
// for transactions (InTx), the guarded state moves with their audit rows, and
// the clock that decides.
//
// It does not own any rule about who may do what (workflow), and it never
// sees a secret in clear: hashes and sealed values only, always as bound
// parameters.
package storage
