import { Button, FileButton, Group, Input, Text } from '@mantine/core'
import type { UseMutationResult } from '@tanstack/react-query'
import { IconPhoto, IconTrash } from '@tabler/icons-react'
import { useId, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ApiError, messageOf } from '@/lib/api/problem'
import type { OwnBrand } from '@/lib/api/types'
import classes from './Brand.module.css'

/** What the server takes; larger files need not travel. */
const most = 512 << 10

interface Props {
  brand: OwnBrand
  allowed: boolean
  set: UseMutationResult<unknown, Error, string>
  remove: UseMutationResult<unknown, Error, void>
}

/** The logo, which is saved as soon as a file is chosen. */
export function LogoField({ brand, allowed, set, remove }: Props) {
  const { t } = useTranslation()
  const label = useId()
  const [large, setLarge] = useState(false)
  const choose = (file: File | null) => {
    setLarge(file !== null && file.size > most)
    if (file && file.size <= most) void base64(file).then((text) => set.mutate(text))
  }
  const failed = set.error ?? remove.error
  const problem = large ? t('brand.logoLarge') : failed && ((failed instanceof ApiError ? failed.field('file') : undefined) ?? messageOf(failed))
  return (
    <div role="group" aria-labelledby={label}>
      <Input.Label component="div" id={label}>
        {t('brand.logo')}
      </Input.Label>
      <Input.Description mb={6}>{t('brand.logoText')}</Input.Description>
      {brand.hasLogo && (
        <div className={classes.logo} data-plate={brand.shown.logo.plate}>
          <img src={brand.shown.logo.path} width={brand.shown.logo.width} height={brand.shown.logo.height} alt={t('brand.logoNow')} />
        </div>
      )}
      {allowed && (
        <Group gap="xs">
          <FileButton onChange={choose} accept="image/png,image/jpeg,image/webp">
            {(props) => (
              <Button {...props} size="xs" variant="default" leftSection={<IconPhoto size={15} />} loading={set.isPending}>
                {t(brand.hasLogo ? 'brand.logoReplace' : 'brand.logoChoose')}
              </Button>
            )}
          </FileButton>
          {brand.hasLogo && (
            <Button size="xs" variant="default" leftSection={<IconTrash size={15} />} loading={remove.isPending} onClick={() => remove.mutate()}>
              {t('brand.logoRemove')}
            </Button>
          )}
        </Group>
      )}
      <div role="status">
        {problem && (
          <Text size="sm" c="var(--ck-bad-text)" mt={6}>
            {problem}
          </Text>
        )}
      </div>
    </div>
  )
}

async function base64(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}
