import '@mantine/core/styles/SegmentedControl.layer.css'
import { SegmentedControl, Text, useComputedColorScheme } from '@mantine/core'
import { useState, type CSSProperties } from 'react'
import { useTranslation } from 'react-i18next'
import type { OwnBrand } from '@/lib/api/types'
import { isWide } from '@/lib/brand'
import classes from './Brand.module.css'
import { letterOf, type Draft } from './draft'

type Scheme = OwnBrand['shown']['light']

interface Props {
  brand: OwnBrand
  draft: Draft
  own: boolean
  light: Scheme
  dark: Scheme
}

/** The sign-in page and the head of a letter as they will be, drawn with the parts that the real ones have. */
export function BrandPreview({ brand, draft, own, light, dark }: Props) {
  const { t } = useTranslation()
  const [scheme, setScheme] = useState<string>(useComputedColorScheme('light'))
  const colours = scheme === 'dark' ? dark : light
  const style = { '--fill': colours.fill, '--text': colours.text, '--link': colours.link, '--scene': colours.scene } as CSSProperties
  const title = draft.title.trim() || brand.below.title
  const sign = <PreviewSign brand={brand} own={own} title={title} fill={light.fill} text={light.text} />
  const links = [draft.support.trim() || brand.below.support ? t('brand.preview.support') : '', draft.terms.trim() || brand.below.terms ? t('brand.preview.terms') : '', draft.privacy.trim() || brand.below.privacy ? t('brand.preview.privacy') : ''].filter(Boolean)
  return (
    <section className={classes.preview} aria-label={t('brand.preview.title')}>
      <div className={classes.bar}>
        <Text fw={600}>{t('brand.preview.title')}</Text>
        <SegmentedControl
          size="xs"
          aria-label={t('brand.preview.scheme')}
          value={scheme}
          onChange={setScheme}
          data={[
            { value: 'light', label: t('scheme.light') },
            { value: 'dark', label: t('scheme.dark') },
          ]}
        />
      </div>
      <div role="img" aria-label={t('brand.preview.signIn', { title })} className={classes.page} data-scheme={scheme} style={style}>
        <div className={classes.side} aria-hidden>
          <div className={classes.sign}>{sign}</div>
          <b className={classes.heading}>{t('brand.preview.heading', { title })}</b>
          <span className={classes.label}>{t('brand.preview.email')}</span>
          <span className={classes.field} />
          <span className={classes.label}>{t('brand.preview.password')}</span>
          <span className={classes.field} />
          <span className={classes.button}>{t('brand.preview.button')}</span>
          <span className={classes.link}>{t('brand.preview.forgot')}</span>
          {links.length > 0 && <span className={classes.foot}>{links.join(' · ')}</span>}
        </div>
        <div className={classes.scene} aria-hidden />
      </div>
      <div role="img" aria-label={t('brand.preview.mail', { title })} className={classes.page} data-scheme={scheme} style={style}>
        <div className={classes.side} aria-hidden>
          <div className={classes.sign}>{sign}</div>
          <b className={classes.heading}>{t('brand.preview.mailHeading')}</b>
          <span className={classes.label}>{t('brand.preview.mailText', { title })}</span>
          <span className={`${classes.button} ${classes.narrow}`}>{t('brand.preview.mailButton')}</span>
        </div>
      </div>
    </section>
  )
}

interface SignProps {
  brand: OwnBrand
  own: boolean
  title: string
  fill: string
  text: string
}

function PreviewSign({ brand, own, title, fill, text }: SignProps) {
  const { path, width, height, plate } = brand.hasLogo ? brand.shown.logo : own ? {} : brand.below.logo
  if (own && !brand.hasLogo) {
    return (
      <>
        <span className={classes.mark} style={{ background: fill, color: text }}>
          {letterOf(title)}
        </span>
        <span>{title}</span>
      </>
    )
  }
  const wide = brand.hasLogo && isWide(brand.shown)
  if (!path || !width || !height) {
    return (
      <>
        <img src={path ?? '/favicon.svg'} width={28} height={28} alt="" />
        <span>{title}</span>
      </>
    )
  }
  return (
    <>
      <span className={classes.plate} data-plate={plate}>
        <img src={path} width={width} height={height} alt="" />
      </span>
      {!wide && <span>{title}</span>}
    </>
  )
}
