#!/bin/bash
rm -f /tmp/x
