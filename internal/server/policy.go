package server

import (
	"time"

	"github.com/google/uuid"

	"github.com/cloudkida/cloudkida/internal/app/policy"
	"github.com/cloudkida/cloudkida/internal/platform/db"
	"github.com/cloudkida/cloudkida/internal/platform/notify"
)

// openData makes the way to tenants' data, which policies guard.
func (p *program) openData() error {
	if err := policy.Check(); err != nil {
		return err
	}
	p.data, p.decides = guarded(&db.DB{Pool: p.pools.app, Places: p.places, Silos: p.silos})
	p.hints.On(notify.TopicPolicy, func(id string) {
		if tenant, err := uuid.Parse(id); err == nil {
			p.decides.Forget(tenant)
		}
	}, func() { p.decides.Forget(uuid.Nil) })
	return nil
}

// guarded lets nobody do more with tenants' data than roles and policies say.
func guarded(data *db.DB) (*db.DB, *policy.Engine) {
	engine := policy.NewEngine(time.Now)
	data.Authorize, data.Decide, engine.DB = policy.Authorize, engine.Decide, data
	return data, engine
}
