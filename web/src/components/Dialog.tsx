import '@mantine/core/styles/ScrollArea.layer.css'
import '@mantine/core/styles/Overlay.layer.css'
import '@mantine/core/styles/ModalBase.layer.css'
import '@mantine/core/styles/Modal.layer.css'

/** A modal dialog, with the styles that only dialogs need. */
export { Modal as Dialog } from '@mantine/core'
