// Package awssecrets is a sink: it keeps approved keys in AWS Secrets Manager,
// over AWS's own Go client.
//
// It owns how a version is put there and becomes the current one only in the
// place of exactly the one before it. It does not list, and takes nothing away.
// What API it relies on is from the client's own documentation; what was not
// found there says "unverified".
package awssecrets
