import { useBrand, isWide, type Brand } from '@/lib/brand'
import classes from './BrandSign.module.css'

interface Props {
  /** In place of the brand that the pages wear. */
  brand?: Brand
  /** What stands beside the logo, unless it has the name in it. */
  name?: string
  nameClass?: string
  /** Of the mark; a logo is at most as high. */
  size?: number
}

/** The logo of whose pages these are, with the name: the organisation's own, its provider's or the product's. */
export function BrandSign({ brand, name, nameClass, size = 30 }: Props) {
  const worn = useBrand()
  const shown = brand ?? worn
  const wide = isWide(shown)
  return (
    <>
      <Sign brand={shown} size={size} alt={wide ? (name ?? shown?.title ?? '') : ''} />
      {name !== undefined && !wide && <span className={nameClass}>{name}</span>}
    </>
  )
}

function Sign({ brand, size, alt }: { brand: Brand | undefined; size: number; alt: string }) {
  const { path, width, height, plate } = brand?.logo ?? {}
  if (!path) return <BrandMark size={size} />
  if (!width || !height) return <img className={classes.mark} src={path} width={size} height={size} alt={alt} />
  return (
    <span className={classes.plate} data-plate={plate}>
      <img className={classes.logo} src={path} width={Math.round((width * size) / height)} height={size} alt={alt} />
    </span>
  )
}

/** The sign of the product: a prompt. */
function BrandMark({ size }: { size: number }) {
  return (
    <svg className={classes.mark} width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="8" fill="#5151cd" />
      <path d="M8.5 11l5 5-5 5" fill="none" stroke="#fff" strokeWidth="3" strokeLinecap="round" strokeLinejoin="round" />
      <path d="M16.5 21.5h7" stroke="#b8f2d8" strokeWidth="3" strokeLinecap="round" />
    </svg>
  )
}
