// The official helm, built from its published module, for tests against our server.
package main

import (
	"errors"
	"os"

	helm "helm.sh/helm/v4/pkg/cmd"
	"helm.sh/helm/v4/pkg/kube"
)

func main() {
	kube.ManagedFieldsManager = "helm"
	command, err := helm.NewRootCmd(os.Stdout, os.Args[1:], helm.SetupLogging)
	if err == nil {
		err = command.Execute()
	}
	var withCode helm.CommandError
	if errors.As(err, &withCode) {
		os.Exit(withCode.ExitCode)
	}
	if err != nil {
		os.Exit(1)
	}
}
