package sandbox

import (
	"fmt"
	"strings"
)

// RequiresError is returned by Provision when the image lacks commands of Spec.Requires.
type RequiresError struct {
	Image   string
	Missing []string
}

// Error names the commands and the remedy.
func (e *RequiresError) Error() string {
	list := strings.Join(e.Missing, ", ")
	if e.Image == "toolbox" {
		return fmt.Sprintf("This lab needs commands that the host lacks: %s. Install them on the host, such as with apt-get install %s, then start the lab again.",
			list, strings.Join(e.Missing, " "))
	}
	return fmt.Sprintf("This lab needs commands that the image %s lacks: %s. Add them to the image.", e.Image, list)
}
