import { Anchor, Button, Group, Text, Title } from '@mantine/core'
import { IconBolt, IconCircleCheck, IconShieldLock } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { BrandSign } from '@/components/BrandSign'
import type { Config } from '@/lib/api/types'
import { signIn, signUp } from '@/lib/auth'
import classes from './Landing.module.css'
import { OrganisationEntry } from './OrganisationEntry'

/** What somebody sees who is not signed in. Signing in leads to the address that was asked for. */
export function Landing({ config }: { config: Config }) {
  const { t } = useTranslation()
  const name = config.branding.title || 'Cloudkida'
  const individuals = config.tenant.name === 'default'
  return (
    <div className={classes.page}>
      <header className={classes.header}>
        <span className={classes.brand}>
          <BrandSign name={name} />
        </span>
        <Button variant="default" size="sm" onClick={() => void signIn()}>
          {t('landing.signIn')}
        </Button>
      </header>
      <main className={classes.main} id="main">
        <div>
          <Title order={1} className={classes.title}>
            {t('landing.title')}
          </Title>
          <Text className={classes.text}>{t('landing.text')}</Text>
          <Group gap="sm" mt={28}>
            {config.signUp && (
              <Button size="md" onClick={() => void signUp()}>
                {t('landing.signUp')}
              </Button>
            )}
            <Button size="md" variant={config.signUp ? 'default' : 'filled'} onClick={() => void signIn()}>
              {t('landing.signIn')}
            </Button>
          </Group>
          {individuals ? (
            <OrganisationEntry />
          ) : (
            <Text mt="md" size="sm">
              {t('landing.notYours', { name })} <Anchor href="/?tenant=default">{t('landing.another')}</Anchor>
            </Text>
          )}
          <ul className={classes.points}>
            <li>
              <IconBolt size={20} aria-hidden /> {t('landing.fast')}
            </li>
            <li>
              <IconCircleCheck size={20} aria-hidden /> {t('landing.checked')}
            </li>
            <li>
              <IconShieldLock size={20} aria-hidden /> {t('landing.isolated')}
            </li>
          </ul>
        </div>
        <Picture />
      </main>
    </div>
  )
}

/** A lab in miniature, drawn with the parts that the real page has. */
function Picture() {
  const { t } = useTranslation()
  return (
    <div className={classes.picture} aria-hidden>
      <div className={classes.bar}>
        <i />
        <i />
        <i />
      </div>
      <div className={classes.split}>
        <div className={classes.guide}>
          <small>{t('landing.picture.step')}</small>
          <strong>{t('landing.picture.title')}</strong>
          <p>{t('landing.picture.text')}</p>
          <code>chmod 750 ~/shared</code>
          <span>
            <IconCircleCheck size={16} /> {t('landing.picture.check')}
          </span>
        </div>
        <pre className={classes.terminal}>
          <b>learner@lab</b>:~$ chmod 750 ~/shared{'\n'}
          <b>learner@lab</b>:~$ ls -ld ~/shared{'\n'}
          drwxr-x--- 2 learner team{'\n'}
          <b>learner@lab</b>:~$ <em> </em>
        </pre>
      </div>
    </div>
  )
}
