/** The sign of the product: a prompt. */
export function BrandMark({ size = 30 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="8" fill="#5151cd" />
      <path d="M8.5 11l5 5-5 5" fill="none" stroke="#fff" strokeWidth="3" strokeLinecap="round" strokeLinejoin="round" />
      <path d="M16.5 21.5h7" stroke="#b8f2d8" strokeWidth="3" strokeLinecap="round" />
    </svg>
  )
}
