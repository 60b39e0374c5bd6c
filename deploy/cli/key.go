package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"ugc/transport/http/auth"
	"ugc/transport/http/exchange"
)

// key is `ugc key`: it makes an API key. The key is shown once and kept nowhere; the service is given its hash.
func (p *program) key() *cobra.Command {
	var scopes string
	c := &cobra.Command{
		Use: "key NAME", Short: "make an API key for a service", Args: args(cobra.ExactArgs(1)),
		Long: `Makes a random API key and prints it, once, with the line for UGC_API_KEYS by which the service knows it. Scopes: read (what any user has),
write (for any user), metrics (/metrics). A client sends the key as X-Api-Key.`,
		Example: "  ugc key web --scopes read+write",
		RunE: func(_ *cobra.Command, a []string) error {
			s, err := exchange.ParseScope(scopes)
			if err != nil {
				return usageError{err}
			}
			secret, k, err := auth.NewKey(a[0], s)
			if err != nil {
				return usageError{err}
			}
			_, err = fmt.Fprintf(p.out, "the key, for %s alone:\n  %s\nfor UGC_API_KEYS of the service:\n  %s\n", k.Name, secret, k)
			return err
		},
	}
	c.Flags().StringVar(&scopes, "scopes", "read+write", "what it allows: read, write, metrics, with + between them")
	return c
}
