import { useTranslation } from 'react-i18next'
import { levels, type Level } from './api'
import classes from './LabCard.module.css'

/** The level of a lab in words, with one to three bars. */
export function LevelBadge({ level }: { level: Level }) {
  const { t } = useTranslation()
  const height = levels.indexOf(level) + 1
  return (
    <span className={classes.level}>
      <span className={classes.bars} aria-hidden>
        {levels.map((name, index) => (
          <i key={name} data-on={index < height || undefined} />
        ))}
      </span>
      {t(`level.${level}`)}
    </span>
  )
}
