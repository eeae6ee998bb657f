import '@mantine/core/styles/Input.layer.css'
import { NativeSelect } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { Link, useNavigate } from '@tanstack/react-router'
import type { ComponentType, ReactNode } from 'react'
import classes from './Sections.module.css'

/** One part of a page that has many. Its value is in the address, as `tab`. */
export interface Section {
  value: string
  label: string
  icon: ComponentType<{ size: number; className?: string; 'aria-hidden'?: boolean }>
  panel: () => ReactNode
}

export interface SectionGroup {
  label: string
  sections: Section[]
}

interface Props {
  /** Names the navigation for those who do not see it. */
  label: string
  groups: SectionGroup[]
  /** What the address says; the first section stands for none and for one that is unknown. */
  tab?: string
}

/**
 * A page of many sections: their names in groups at the side where there is room, a list to choose from where there is
 * none. Each section is a link, so that it can be opened in another tab, kept and sent.
 */
export function Sections({ label, groups, tab }: Props) {
  const narrow = useMediaQuery('(max-width: 62em)', undefined, { getInitialValueInEffect: false })
  const all = groups.flatMap((group) => group.sections)
  const current = all.find((section) => section.value === tab) ?? all[0]
  /** What the first section's address lacks. */
  const address = (value: string) => (value === all[0]?.value ? undefined : value)
  return (
    <div className={classes.page}>
      {narrow ? (
        <Choice label={label} groups={groups} value={current?.value ?? ''} address={address} />
      ) : (
        <nav aria-label={label} className={classes.nav}>
          {groups.map((group) => (
            <div key={group.label} className={classes.group}>
              <p className={classes.heading}>{group.label}</p>
              <ul className={classes.list}>
                {group.sections.map(({ value, label: name, icon: Icon }) => (
                  <li key={value}>
                    <Link
                      to="."
                      search={{ tab: address(value) } as never}
                      className={classes.link}
                      activeOptions={{ includeSearch: true, explicitUndefined: true }} // no section of no name is current beside another
                      aria-current={value === current?.value ? 'page' : undefined}
                    >
                      <Icon size={17} className={classes.icon} aria-hidden />
                      {name}
                    </Link>
                  </li>
                ))}
              </ul>
            </div>
          ))}
        </nav>
      )}
      <div className={classes.panel}>{current?.panel()}</div>
    </div>
  )
}

function Choice({ label, groups, value, address }: { label: string; groups: SectionGroup[]; value: string; address: (value: string) => string | undefined }) {
  const navigate = useNavigate()
  return (
    <NativeSelect
      aria-label={label}
      size="md"
      value={value}
      onChange={(event) => void navigate({ to: '.', search: { tab: address(event.currentTarget.value) } as never })}
      data={groups.map((group) => ({ group: group.label, items: group.sections.map((section) => ({ value: section.value, label: section.label })) }))}
    />
  )
}
