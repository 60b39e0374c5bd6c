package kafka

import (
	"fmt"

	"github.com/xdg-go/scram"
)

func scramFor(m Mechanism) scram.HashGeneratorFcn {
	switch m {
	case ScramSHA256:
		return scram.SHA256
	case ScramSHA512:
		return scram.SHA512
	}
	return nil
}

// scramClient is one conversation, as sarama wants it: it is made anew for every connection.
type scramClient struct {
	hash scram.HashGeneratorFcn
	conv *scram.ClientConversation
}

func (c *scramClient) Begin(user, password, authz string) error {
	cl, err := c.hash.NewClient(user, password, authz)
	if err != nil {
		return fmt.Errorf("kafka: begin SCRAM: %w", err)
	}
	c.conv = cl.NewConversation()
	return nil
}

func (c *scramClient) Step(challenge string) (string, error) { return c.conv.Step(challenge) }
func (c *scramClient) Done() bool                            { return c.conv.Done() }
