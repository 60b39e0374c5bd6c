package config

import (
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"text/tabwriter"
)

// masked stands for a secret wherever a configuration is shown.
const masked = "********"

// Print writes every setting with its effective value, where that came from, and what it means. Secrets are masked.
func (c *Config) Print(w io.Writer, from Sources) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range fields() {
		source := from[f.name]
		if source == "" {
			source = "default"
		}
		_, _ = fmt.Fprintf(t, "%s=%s\t# %s: %s\n", f.name, c.show(f), source, f.doc)
	}
	return t.Flush()
}

// Reference writes the table of settings that the README holds.
func Reference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	for _, f := range fields() {
		def := ""
		if f.def != "" {
			def = "`" + f.def + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.name, def, strings.ReplaceAll(f.doc, "|", `\|`))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *Config) show(f field) string {
	v := f.value(c)
	if f.secret {
		if v.String() == "" {
			return ""
		}
		return masked
	}
	if roles, ok := v.Interface().([]Role); ok {
		names := make([]string, len(roles))
		for i, r := range roles {
			names[i] = string(r)
		}
		return strings.Join(names, ",")
	}
	return mask(fmt.Sprint(v.Interface()))
}

// userPassword finds both in an address, which may name several hosts, and secretOptions the options of MongoDB that hold more.
var (
	userPassword  = regexp.MustCompile(`^([a-z+]+://[^:/@]*):[^/]*@`)
	secretOptions = regexp.MustCompile(`(?i)(tlsCertificateKeyFilePassword|authMechanismProperties)=[^&]*`)
)

// mask hides the passwords inside a URL.
func mask(s string) string {
	if strings.HasPrefix(s, "mongodb") {
		return secretOptions.ReplaceAllString(userPassword.ReplaceAllString(s, "$1:"+masked+"@"), "$1="+masked)
	}
	if !strings.Contains(s, "@") {
		return s
	}
	u, err := url.Parse(s)
	if err != nil {
		return masked // not a URL that we can take apart, so nothing of it is shown
	}
	if _, has := u.User.Password(); has {
		return strings.Replace(s, u.User.String()+"@", u.User.Username()+":"+masked+"@", 1)
	}
	return s
}
