// Passkeys: browsers give them to scripts alone. A form with data-passkey asks its address for what the browser needs,
// lets the person choose, and sends the answer as an ordinary form.
'use strict'

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')

function decode(options) {
  options.challenge = toBytes(options.challenge)
  if (options.user) options.user.id = toBytes(options.user.id)
  for (const list of [options.allowCredentials, options.excludeCredentials]) {
    for (const credential of list ?? []) credential.id = toBytes(credential.id)
  }
  return options
}

function encode(credential) {
  const { response } = credential
  const answer = { clientDataJSON: toText(response.clientDataJSON) }
  if (response.attestationObject) {
    answer.attestationObject = toText(response.attestationObject)
    answer.transports = response.getTransports?.() ?? []
  } else {
    answer.authenticatorData = toText(response.authenticatorData)
    answer.signature = toText(response.signature)
    if (response.userHandle) answer.userHandle = toText(response.userHandle)
  }
  return JSON.stringify({
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: answer,
  })
}

async function ask(form) {
  const token = form.elements.namedItem('token').value
  const answer = await fetch(form.dataset.passkey, { method: 'POST', body: new URLSearchParams({ token }) })
  const says = form.querySelector('[data-status]').dataset
  if (!answer.ok) throw new Error(answer.status === 429 ? says.tries : says.old)
  const publicKey = decode((await answer.json()).publicKey)
  return publicKey.user ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey })
}

// What the page says to errors of the browser, by their name.
const words = { NotAllowedError: 'none', InvalidStateError: 'have', SecurityError: 'address' }

function prepare(form) {
  const status = form.querySelector('[data-status]')
  const button = form.querySelector('button')
  form.hidden = false
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    button.disabled = true
    status.textContent = ''
    try {
      form.elements.namedItem('credential').value = encode(await ask(form))
      form.submit()
    } catch (error) {
      status.textContent = status.dataset[words[error.name]] ?? error.message
      button.disabled = false
    }
  })
}

if (window.PublicKeyCredential) document.querySelectorAll('form[data-passkey]').forEach(prepare)
else document.querySelectorAll('[data-no-passkey]').forEach((note) => (note.hidden = false))
