// Package google connects Google Workspace: the application-specific passwords
// people made, and the OAuth apps they gave access to, over the Directory API
// and Google's own Go client.
//
// It does not own issuing: Google lets only people make either. Facts are from
// the API's discovery document (directory_v1); what was not found there says
// "unverified", and what other people's programs rely on names them.
package google
