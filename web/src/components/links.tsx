import { Anchor, Button, type AnchorProps, type ButtonProps } from '@mantine/core'
import { createLink } from '@tanstack/react-router'
import type { Ref } from 'react'

interface ButtonLinkProps extends ButtonProps {
  ref?: Ref<HTMLAnchorElement>
}

/** A link of the router that looks like a button. */
export const ButtonLink = createLink((props: ButtonLinkProps) => <Button component="a" {...props} />)

interface TextLinkProps extends AnchorProps {
  ref?: Ref<HTMLAnchorElement>
}

/** A link of the router within text. */
export const TextLink = createLink((props: TextLinkProps) => <Anchor {...props} />)
