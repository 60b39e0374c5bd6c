// Package validate holds what deploys the program - compose files, images, chart, dashboards, alerts, nginx - against the parsers of those
// who will read it, and against the program itself. It is a module of its own, so that the program does not depend on Kubernetes.
package validate
