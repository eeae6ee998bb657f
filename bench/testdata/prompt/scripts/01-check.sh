#!/bin/bash
[ -e /tmp/done ]
