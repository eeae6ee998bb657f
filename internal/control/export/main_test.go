package export_test

import (
	"testing"

	"github.com/cloudkida/cloudkida/internal/platform/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }
