package agent

import (
	"embed"
	"errors"
)

//go:embed all:dist
var dist embed.FS

// Binary is the agent's program, for Linux on this processor.
func Binary() ([]byte, error) {
	program, err := dist.ReadFile("dist/cloudkida-agent")
	if err != nil {
		return nil, errors.New("this program was built without its agent: run make build")
	}
	return program, nil
}
