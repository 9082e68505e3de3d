package awssecrets

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"

	"latchkey/connectors"
)

// keys are the configured ones, or what the machine is given: AWS's default
// chain without the metadata service, which no connection may dial. So a
// machine has its credentials from the environment, from AWS's files, or from
// a web identity (a Kubernetes service account with a role).
func keys(s connectors.Settings, client *http.Client) (aws.CredentialsProvider, error) {
	if s.AccessKeyID != "" {
		return credentials.NewStaticCredentialsProvider(s.AccessKeyID, s.SecretAccessKey.Expose(), ""), nil
	}
	chain, err := config.LoadDefaultConfig(context.Background(), // reads files only
		config.WithHTTPClient(client),
		config.WithRegion(s.Region),
		config.WithDefaultsMode(aws.DefaultsModeStandard),
		config.WithEC2IMDSClientEnableState(imds.ClientDisabled),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }))
	if err != nil { // may quote the environment
		return nil, errors.New("read what AWS's default chain needs: the AWS_ variables or AWS's files can't be read, " +
			"or name a CA bundle (AWS_CA_BUNDLE, ca_bundle), which this connection does not take")
	}
	return &machine{chain.Credentials}, nil
}

// machine is the default chain with an error that says so.
type machine struct{ chain aws.CredentialsProvider }

// Retrieve implements aws.CredentialsProvider.
func (m *machine) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if m.chain == nil {
		return aws.Credentials{}, &noCredentials{errOddAnswer}
	}
	found, err := m.chain.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, &noCredentials{err}
	}
	return found, nil
}

// noCredentials is a machine that was given none, or none that work. Its text
// quotes nothing: the reasons can hold parts of files.
type noCredentials struct{ err error }

// Error implements error.
func (n *noCredentials) Error() string {
	text := "this machine has no working AWS credentials in its environment, AWS's files or a web identity"
	if said := word(code(n.err)); said != "" {
		text += ": " + said
	}
	return text
}

// Unwrap implements the errors package's interface.
func (n *noCredentials) Unwrap() error { return n.err }
