// Command ugc is the stream processor for what people do with films: it takes playback reports, likes, bookmarks and
// ratings over HTTP, decides each once, and keeps views of them. `ugc --help` lists what it can do.
package main

import (
	"os"

	"ugc/deploy/cli"
)

// version is set by the linker; see the Makefile.
var version = "devel"

func main() {
	os.Exit(cli.Main(version, os.Args[1:], os.Stdout, os.Stderr))
}
