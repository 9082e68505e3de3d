// Package connectors is the contract between Latchkey and the systems whose
// keys it governs: one small interface per thing a vendor can do, the words
// for what passes through them, and the errors every connector speaks.
//
// It does not own any vendor (connectors/<kind>), the list of kinds
// (connectors/catalog), or any rule about who may do what (workflow).
package connectors
