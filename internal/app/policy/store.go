package policy

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// enabled reads the policies that hold, the oldest first.
func enabled(ctx context.Context, tx pgx.Tx) ([]stored, error) {
	rows, err := tx.Query(ctx, `select id, title, text from policy where enabled order by id limit $1`, maxPolicies)
	if err != nil {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[stored])
	if err != nil {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	return list, nil
}

// membersOf reads which groups these people are in. Groups are nested once.
func membersOf(ctx context.Context, tx pgx.Tx, users []uuid.UUID) (*membership, error) {
	rows, err := tx.Query(ctx, `select m.user_id, g.id, g.parent_id from group_member m join "group" g on g.id = m.group_id
		where m.user_id = any ($1)`, users)
	if err != nil {
		return nil, fmt.Errorf("read groups for policies: %w", err)
	}
	m := &membership{groups: map[uuid.UUID][]uuid.UUID{}, parents: map[uuid.UUID]uuid.UUID{}}
	var user, group uuid.UUID
	var parent *uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&user, &group, &parent}, func() error {
		m.groups[user] = append(m.groups[user], group)
		if parent != nil {
			m.parents[group] = *parent
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read groups for policies: %w", err)
	}
	return m, nil
}
