#!/bin/bash
echo ok
