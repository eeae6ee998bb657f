#!/bin/bash
echo PASSWORD=secret >> "$CLOUDKIDA_ENV"
